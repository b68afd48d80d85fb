redis.call('DEL', lease)
return {'ok'}
