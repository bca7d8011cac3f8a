-- What the state says of messages that come after the position.
local function forget_messages(state)
	redis.call('HDEL', state, 'suspect', 'attempts', 'begun', 'reading', 'read_deaths', 'reader', 'retry', 'gap',
		'gap_before', 'gap_id', 'gap_open')
end
