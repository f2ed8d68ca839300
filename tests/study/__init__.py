"""Ways of updating that the product does not have: the disk of image/study in QEMU (scripts/study-test)."""
