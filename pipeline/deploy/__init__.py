"""Places to deploy to: the protocol of a driver, the table of drivers, and the drivers."""
