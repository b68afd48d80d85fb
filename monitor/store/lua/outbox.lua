-- Part of whatever queues alerts: alerts going out, being taken back, and forgotten.
local HISTORY_LIMIT = 1000
local LOOKED_AT = 16

local posted_count = 0
local firing

-- Episodes under way, and blocks since which something is blind.
local function is_firing(alert)
  if not firing then
    firing = {}
    for _, text in ipairs(redis.call('HVALS', breakers)) do
      local state = cjson.decode(text)
      firing[state.episode or ''] = true
      if state.blind then firing[state.blind_block_hash] = true end
    end
    for _, text in ipairs(redis.call('HVALS', conditions)) do
      local kept = cjson.decode(text)
      if kept.state.is_blind then firing[kept.episode] = true end
    end
  end
  return firing[alert.episode] or alert.type == 'monitor.blind' and firing[alert.block.hash]
end

local base_number

-- Whether its block can still be reverted: then it has to be known who saw it.
local function can_be_taken_back(alert)
  if not base_number then
    local oldest = redis.call('LINDEX', tail, 0)
    base_number = oldest and cjson.decode(oldest).number or -1
  end
  return alert.block.number > base_number
end

-- Whether an alert could be forgotten: not while somebody is to get it, nor while it fires, nor
-- before it is final.
local function forget_alert(id)
  local posted = cjson.decode(redis.call('HGET', alerts, id) or '{"webhooks":[]}')
  for _, webhook in ipairs(posted.webhooks) do
    local state = redis.call('HGET', outbox, id .. ':' .. webhook)
    if state and state:find('^pending') then return false end
  end
  local alert = posted.alert
  if alert and (is_firing(alert) or can_be_taken_back(alert)) then return false end
  for _, webhook in ipairs(posted.webhooks) do
    redis.call('HDEL', outbox, id .. ':' .. webhook)
  end
  redis.call('HDEL', alerts, id)
  redis.call('SREM', gone, id)
  redis.call('LREM', history, -1, id)
  return true
end

-- At the end of a script: some of those beyond the limit for each that came, so that many that have
-- to stay cost no call much. Where it ended is noted, from the oldest: the next call goes on there.
local function trim()
  local beyond = redis.call('LLEN', history) - HISTORY_LIMIT
  if beyond <= 0 or posted_count == 0 then return end
  local first = tonumber(redis.call('HGET', meta, 'swept') or '0')
  if first >= beyond then first = 0 end
  local last = math.min(first + LOOKED_AT * posted_count, beyond)
  local ids = redis.call('LRANGE', history, -last, -first - 1)
  for at = #ids, 1, -1 do
    if not forget_alert(ids[at]) then first = first + 1 end
  end
  redis.call('HSET', meta, 'swept', last < beyond and first or 0)
end

-- Whether nobody can have heard that the alert was taken back: the retraction waits behind it, and
-- behind its attempts.
local function still_waits(alert, to)
  if not alert.retraction then return false end
  local state = redis.call('HGET', outbox, alert.id .. ':' .. to.webhook)
  local back = redis.call('HGET', outbox, alert.retraction .. ':' .. to.webhook)
  return state and state:find('^pending') and back and back:find('^pending 0 ')
end

local function drop(id, to)
  local entry = id .. ':' .. to.webhook
  local state = redis.call('HGET', outbox, entry)
  if state and state:find('^pending') then
    redis.call('HSET', outbox, entry, (state:gsub('^pending', 'dropped')))
    redis.call('LREM', KEYS[to.queue], 0, id)
  end
end

local function enqueue(id, to)
  local entry = id .. ':' .. to.webhook
  local state = redis.call('HGET', outbox, entry)
  if state and state:find('^pending') then redis.call('LREM', KEYS[to.queue], 0, id) end
  redis.call('HSET', outbox, entry, 'pending 0 ' .. op.now .. ' ' .. op.now)
  redis.call('SADD', webhooks, to.webhook)
  redis.call('RPUSH', KEYS[to.queue], id)
end

-- An alert raised again (its block was reverted, then came back) is queued anew, behind its
-- retraction; an attempt under way is of the time before that. But one that was never settled keeps
-- its place, and the retraction goes unsent: it would be read before the alert, and alone where
-- the block went once more.
local function post(alert)
  if redis.call('HSET', alerts, alert.id, alert.posted) == 0 then
    redis.call('SREM', gone, alert.id)
    redis.call('LREM', history, 0, alert.id)
  end
  redis.call('LPUSH', history, alert.id)
  for _, to in ipairs(alert.receivers) do
    if still_waits(alert, to) then drop(alert.retraction, to) else enqueue(alert.id, to) end
  end
  posted_count = posted_count + 1
end

-- Bytes may have left: an attempt was begun, whatever came of it.
local function may_be_seen(id, webhook)
  local state = redis.call('HGET', outbox, id .. ':' .. webhook)
  if not state or state:find('^dropped') then return false end
  return not state:find('^%l+ 0 ') or state:find('^delivered') ~= nil
end
