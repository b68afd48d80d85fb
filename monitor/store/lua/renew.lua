-- Nobody took over, or the fence would have moved: also after the lease ran out it is still ours.
redis.call('SET', lease, op.token .. ' ' .. op.ttl_ms, 'PX', op.ttl_ms)
return {'ok'}
