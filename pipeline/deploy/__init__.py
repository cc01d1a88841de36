"""Deploy apps: the protocol of a driver, the table of drivers, and the drivers."""
