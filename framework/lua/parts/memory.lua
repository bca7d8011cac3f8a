-- Whether an answer of redis.pcall says that there is no memory for more.
local function out_of_memory(answer)
	return type(answer) == 'table' and answer.err ~= nil and string.find(answer.err, '^%-?OOM ') ~= nil
end
