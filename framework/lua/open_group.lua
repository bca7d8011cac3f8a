#!lua flags=allow-oom
-- Creates the group if it does not exist.
-- KEYS: log state. ARGV: group start.
--
-- Allowed without memory: trimming does not spare the messages of a group that Redis does not know.
-- @include open
local status, found = open_group(KEYS[1], KEYS[2], ARGV[1], ARGV[2])
return {status, found['last-delivered-id']}
