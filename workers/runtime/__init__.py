"""What every part of a worker is given: loop, counters, log, refusals, burst channels in the loop."""
