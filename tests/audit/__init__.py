"""What `make audit` looks for: known vulnerabilities of the exact versions, and secrets in the tree and its history."""
