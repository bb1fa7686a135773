"""Draws that read well: a generator of random numbers with the words this test needs."""
import random


class Draw(random.Random):
    def often(self, percent):
        return self.random() * 100 < percent

    def weighted(self, table):
        """One key of a dictionary from keys to weights."""
        return self.choices(list(table), list(table.values()))[0]

    def some(self, items, least, most):
        items = list(items)
        return self.sample(items, min(len(items), self.randint(least, most)))
