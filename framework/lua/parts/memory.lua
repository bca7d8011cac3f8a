-- Whether an error that redis.pcall returned says that there is no memory for more.
local function out_of_memory(failure)
	return string.find(failure.err, '^%-?OOM ') ~= nil
end
