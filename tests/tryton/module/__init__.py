"""What a plant added to its Tryton: a field on purchases, and calibrations as records of their own."""
