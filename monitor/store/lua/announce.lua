-- Ways in which the monitor is blind, and what is to be said of them. An alert that stands was
-- announced by this call before: its answer was lost.
local told = {}
for _, alert in ipairs(op.alerts) do told[alert.breaker] = alert.episode end
for at = 1, #op.conditions, 2 do
  local name, state = op.conditions[at], op.conditions[at + 1]
  local old = redis.call('HGET', conditions, name)
  local episode = told[name] or old and cjson.decode(old).episode or ''
  redis.call('HSET', conditions, name, '{"state":' .. state .. ',"episode":"' .. episode .. '"}')
end
for _, alert in ipairs(op.alerts) do
  if redis.call('HEXISTS', alerts, alert.id) == 0 then post(alert) end
end
trim()
return {'ok'}
