"""English words that say nothing about a topic (the NLTK list, words of three letters and more).

Shorter ones, and forms with an apostrophe, never get past the tokenization anyway.
"""

from __future__ import annotations

_WORDS = """
about above after again against ain all and any are aren because been before being below between
both but can couldn did didn does doesn doing don down during each few for from further had hadn
has hasn have haven having her here hers herself him himself his how into isn its itself just
mightn more most mustn myself needn nor not now off once only other our ours ourselves out over
own same shan she should shouldn some such than that the their theirs them themselves then there
these they this those through too under until very was wasn were weren what when where which
while who whom why will with won wouldn you your yours yourself yourselves
"""
ENGLISH_STOPWORDS = frozenset(_WORDS.split())
