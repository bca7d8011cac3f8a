-- Redis's clock: `time` is its seconds and microseconds, `now` is milliseconds.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
