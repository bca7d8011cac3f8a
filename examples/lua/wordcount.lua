-- A handler in Lua, for segrunner's plugin `lua`: counts words, each exactly once, and emits the count of a word each time
-- that it doubles.
--
--     [consumer lines]
--     stream = lines
--     partitions = 8
--     group = wordcount
--     plugin = lua
--     outputs = doubled
--     output.doubled.partitions = 8
--     option.script = examples/lua/wordcount.lua
--
-- A message is a line of text. The counts are values of the partition: segrunner stores them, and what is emitted, with the
-- position, so that a crash counts no word twice and none too seldom. All lines with the same key have the same partition, so
-- this counts the words of each partition's keys; for one count of each word, emit the words to a stream with the word as the
-- key, and count there.

function handle(message)
	for word in message.data:lower():gmatch("%a+") do
		local count = (tonumber(state_get(word)) or 0) + 1
		state_put(word, count)
		if count & (count - 1) == 0 then
			emit("doubled", word, count, {line = message.id})
		end
	end
end
