-- The base moves up from `base` to the last of `blocks`, which follow it: what they wrote comes into
-- the records, and they cannot be undone any more.
local oldest = redis.call('LINDEX', tail, 0)
local count = #op.blocks
local base = oldest and cjson.decode(oldest)
if base and base.hash == op.blocks[count] then return {'ok'} end
local last = redis.call('LINDEX', tail, count)
if not last or base.hash ~= op.base or cjson.decode(last).hash ~= op.blocks[count] then
  return {'order', oldest or ''}
end
write_rows(read_rows(ARGV[2]), groups)
redis.call('HDEL', undo, unpack(op.blocks))
redis.call('HDEL', judged, unpack(op.blocks))
redis.call('LTRIM', tail, count, -1)
return {'ok'}
