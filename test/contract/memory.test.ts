import { MemoryStore } from '../../src/store/memory.ts';
import { describeLeaseStore } from './lease-store.ts';
import { describeOverriding } from './overriding.ts';
import { describePlacing } from './placing.ts';

const empty = async () => new MemoryStore(Date.now);

describeLeaseStore('the embedded', empty);
describePlacing('the embedded', empty);
describeOverriding('the embedded', empty);
