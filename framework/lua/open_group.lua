#!lua flags=allow-oom
-- Creates the group if it does not exist.
-- KEYS: log state. ARGV: group start hint sure.
--
-- Allowed without memory: trimming does not spare the messages of a group that Redis does not know.
-- @include open
local status, found, was = open_group(KEYS[1], KEYS[2], unpack(ARGV))
return {status, found and found['last-delivered-id'], was}
