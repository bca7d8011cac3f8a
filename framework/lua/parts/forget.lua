-- What the state says of messages that come after the position. letters_full, retry and
-- remark are an earlier version's.
local function forget_messages(state)
	redis.call('HDEL', state, 'suspect', 'attempts', 'begun', 'reading', 'read_deaths', 'reader', 'gap',
		'gap_before', 'gap_id', 'gap_open', 'hindrance', 'letters_full', 'retry', 'remark', 'done', 'beyond',
		'lettered', 'lanes')
end
