"""The laws: what holds for every policy set, every request and all data, whatever they are.

Each file states a family of laws, first over what Hypothesis draws, then in a loop over seeds that also counts what it
saw: a law that is only ever tested on denials is not tested.
"""
