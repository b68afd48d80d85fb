local last = redis.call('LINDEX', tail, -1)
if not last then return {'order', ''} end
local cursor = cjson.decode(last)
if cursor.hash == op.hash then return {'ok'} end
if cursor.hash ~= op.parent or cursor.number + 1 ~= op.number then return {'order', last} end
redis.call('HSET', undo, op.hash, ARGV[2])
redis.call('RPUSH', tail, op.block)
return {'ok'}
