-- Fill an empty store, in as many calls as its size asks; the last one brings the block.
local last = redis.call('LINDEX', tail, -1)
if last then return {cjson.decode(last).hash == op.hash and 'ok' or 'order', last} end
local rows = read_rows(ARGV[2])
for _, number in ipairs(op.stale) do redis.call('UNLINK', KEYS[number]) end
if #op.stale > 0 then redis.call('DEL', groups) end
write_rows(rows, groups)
if op.block then
  redis.call('RPUSH', tail, op.block)
  redis.call('SET', evaluated, op.block)
end
return {'ok'}
