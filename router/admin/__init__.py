"""What an operator asks of a running router: `client` and `running` ask, `service` and `commands` answer."""
