"""The tables of the database, a module for each subject: a command imports those that it reads, and no others."""
