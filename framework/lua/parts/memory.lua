-- Whether an error that redis.pcall has returned means that Redis is out of memory.
local function out_of_memory(failure)
	return string.find(failure.err, '^%-?OOM ') ~= nil
end
