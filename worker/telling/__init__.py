"""Telling people of findings, by chat, mail or webhook, and other watchers that all goes on, by pings."""
