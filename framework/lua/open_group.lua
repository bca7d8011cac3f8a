#!lua flags=allow-oom
-- Creates the group where it does not exist.
-- KEYS: log state. ARGV: group start.
--
-- Allowed without memory: a group that is not known to Redis does not hold its messages against trimming.
-- @include open
local status, found = open_group(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
return {status, found['last-delivered-id']}
