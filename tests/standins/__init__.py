"""Stand-ins for the services that the jobs call: real HTTP on the loopback address, faults to order."""
