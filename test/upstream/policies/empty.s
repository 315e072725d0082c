// Lets main.go name functions of upstream's that are private to their packages.
