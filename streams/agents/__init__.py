"""The worker: from playback.events to member state, rows and impressions.

worker.py joins the steps; each step is a file: arrive ▸ fold ▸ decide ▸ send. side.py follows the side inputs, web.py
answers HTTP.
"""
