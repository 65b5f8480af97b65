"""Draw the pictures of README and docs/: a report on the demo's headlines, photographed.

    python docs/make_pictures.py

needs chromium, chromedriver, selenium and Pillow, and fetches the demo's corpus the first time.
"""
