local last = redis.call('LINDEX', tail, -1)
if not last then return {'order', ''} end
local cursor = cjson.decode(last)
if cursor.hash == op.hash then return {'ok'} end
if cursor.hash ~= op.parent or cursor.number + 1 ~= op.number then return {'order', last} end

local after, before = ARGV[2], ARGV[3]
local undone = op.block .. '\n' .. struct.pack('>I', #before) .. before .. after
write_rows(read_rows(after), groups)
redis.call('HSET', undo, op.hash, undone)
redis.call('RPUSH', tail, op.block)
return {'ok'}
