/** Examples by operation id. */
export const EXAMPLES: Record<string, { body?: object; answer?: object }> = {
  createBatch: {
    body: { name: 'Autumn', sources: [{ url: 'https://shop.example/red-shoe', batch_size: 3 }] },
  },
  patchPreview: { body: { prefill: { headline: 'Only this week', colors: { button: '#b00020' } } } },
  cancelBatch: { body: {} },
  retryBatch: { body: {} },
  cancelPreview: { body: {} },
  retryPreview: { body: {} },
  revokeEmbed: { body: {} },
  renewEmbed: { body: {} },
  getTask: {
    answer: {
      task_id: '018f3a5c-7b1e-7c3d-9a4b-2f6e8d1c0b5a',
      status: 'STARTED',
      bulk_generate_task_id: '018f3a5c-7b1e-7c3d-9a4b-2f6e8d1c0b5b',
    },
  },
};
