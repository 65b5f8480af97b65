"""Text to words, words to vectors, vectors to one point a document."""
