import { MemoryStore } from '../../src/store/memory.ts';
import { describeLeaseStore } from './lease-store.ts';

describeLeaseStore('the embedded', async () => new MemoryStore(Date.now));
