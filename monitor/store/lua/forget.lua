-- The base moves up to the block `number`, or to the cursor.
local oldest = redis.call('LINDEX', tail, 1)
while oldest do
  local block = cjson.decode(oldest)
  if block.number > op.number then break end
  redis.call('HDEL', undo, block.hash)
  redis.call('HDEL', judged, block.hash)
  redis.call('LPOP', tail)
  oldest = redis.call('LINDEX', tail, 1)
end
return {'ok'}
