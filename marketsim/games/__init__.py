"""The games that agents learn. They stand above the parts that they are made of; whoever joins everything builds them."""
