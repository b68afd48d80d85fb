local newest = redis.call('GET', evaluated)
if not newest then return {'order', ''} end
local judged_before = cjson.decode(newest)
if judged_before.hash == op.hash then return {'ok'} end
local base = cjson.decode(redis.call('LINDEX', tail, 0))
if op.number <= judged_before.number or op.number < base.number then return {'order', newest} end
if redis.call('LINDEX', tail, op.number - base.number) ~= op.block then return {'order', newest} end

if op.number > base.number then
  local states, flat = {}, redis.call('HGETALL', breakers)
  for at = 1, #flat, 2 do states[flat[at]] = flat[at + 1] end
  local mark = {evaluated = newest, judgement = op.judgement, breakers = states}
  redis.call('HSET', judged, op.hash, cjson.encode(mark))
end
in_chunks('HSET', breakers, op.breakers)
redis.call('SET', evaluated, op.block)
-- A ledger built anew judges some blocks again (see `course`): what stands is not said again.
-- But what went to nobody, for a silence that was lifted since, is said.
local function stands(alert)
  local text = redis.call('HGET', alerts, alert.id)
  if not text or redis.call('SISMEMBER', gone, alert.id) == 1 then return false end
  return alert.silenced ~= '' or (cjson.decode(text).alert.silenced or '') == ''
end

for _, alert in ipairs(op.alerts) do
  if not stands(alert) then post(alert) end
end
trim()
return {'ok'}
