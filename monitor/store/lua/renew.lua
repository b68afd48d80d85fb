redis.call('SET', lease, op.token .. ' ' .. op.owner, 'PX', op.ttl_ms)
return {'ok'}
