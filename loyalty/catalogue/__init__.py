"""What is sold and where: retailers and products, as purchases name them."""
