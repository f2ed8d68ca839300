"""Mail: the accounts in turn, the SMTP client, and the mail server for the local network."""
