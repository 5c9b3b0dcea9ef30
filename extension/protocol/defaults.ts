/** Limits that hold unless the user sets others: as settings in VS Code, as options in the terminal. */

/** Gigabytes that the cache may hold. */
export const CACHE_LIMIT = 50;

/** Files of a folder that are routed, and characters of each: with a small model on two cores an hour or so. */
export const FOLDER_LIMITS = { files: 1_000, characters: 8_000 } as const;

/** More threads than machines have cores only stand in each other's way. */
export const MAX_THREADS = 256;
