local last = redis.call('LINDEX', tail, -1)
if not last then return {'order', ''} end
local cursor = cjson.decode(last)
-- After a lost answer the same call finds its work done, and says again what it did.
local is_done = cursor.hash == op.parent
if not is_done and cursor.hash ~= op.hash then return {'order', last} end
if not is_done and redis.call('LLEN', tail) == 1 then return {'deep', last} end
local mark = redis.call('HGET', judged, op.hash)
local before = mark and cjson.decode(mark)

local queued = {}
for _, dead in ipairs(op.dead) do
  local retraction, reached = dead.retraction, {}
  if retraction then
    for _, to in ipairs(retraction.receivers) do
      if may_be_seen(dead.id, to.webhook) then table.insert(reached, to) end
    end
    retraction.receivers = reached
  end
  if #reached > 0 then table.insert(queued, retraction.id) end
  if not is_done then
    for _, to in ipairs(dead.receivers) do
      if not may_be_seen(dead.id, to.webhook) then drop(dead.id, to) end
    end
    redis.call('SADD', gone, dead.id)
    if #reached > 0 then post(retraction) end
  end
end

if not is_done then
  redis.call('HDEL', undo, op.hash)
  redis.call('RPOP', tail)
  if before then
    redis.call('SET', evaluated, before.evaluated)
    redis.call('DEL', breakers)
    for name, state in pairs(before.breakers) do redis.call('HSET', breakers, name, state) end
    redis.call('HDEL', judged, op.hash)
  end
end
trim()
return {'ok', unpack(queued)}
