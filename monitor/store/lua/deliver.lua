-- Move one delivery on; only one that is still pending, and was not queued anew since it was
-- read. `attempts` never goes back.
local queue = KEYS[op.queue]
local entry = op.id .. ':' .. op.webhook
local state = redis.call('HGET', outbox, entry) or ''
local status, attempts, due, created = state:match('^(%S+) (%S+) (%S+) (%S+)$')
if status ~= 'pending' or created ~= op.created then return {'gone'} end
attempts = math.max(tonumber(attempts), op.attempts)
redis.call('HSET', outbox, entry, table.concat({op.status, attempts, op.due or due, created}, ' '))
if op.status ~= 'pending' then redis.call('LREM', queue, 1, op.id) end
if op.letter then
  redis.call('RPUSH', letters, op.letter)
  redis.call('LTRIM', letters, -1000, -1)
end
return {'ok'}
