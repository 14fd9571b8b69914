/** Sets a key of a map with at most `maxSize` entries; a new key evicts the one that was set longest ago (FIFO). */
export function setBounded<K, V>(map: Map<K, V>, key: K, value: V, maxSize: number): void {
  map.delete(key);
  const [oldest] = map.size >= maxSize ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}
