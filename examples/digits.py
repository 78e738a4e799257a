"""A conventional and a KerasSpiking network on handwritten digits: which one costs more, on which device?

What ``energyprobe demo`` runs from an installed package, too: `energyprobe.cli.digits` holds the networks,
how they are trained and recorded, and the comparison.
"""

from energyprobe.cli.digits import main

if __name__ == "__main__":
    main()
