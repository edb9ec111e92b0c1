"""`minigrad explore`: convolution arithmetic to be touched, as a page on this machine.

    state       what is looked at, as the query string of an address
    operation   boards of cells and which of them belong together, asked of the engine
    loops       the naive loops as text; trace runs and watches them
    stack       receptive fields of a few layers
    answers     all that as plain dicts
    server      the page and its answers on the loopback address

Everything that the page shows is an answer of these; its scripts lay it out and light it up.

>>> from minigrad.explore import answers, state
>>> answers.window(state.parse("i=5&k=3&s=2&p=1"))["sizes"]["size"]
3
"""
