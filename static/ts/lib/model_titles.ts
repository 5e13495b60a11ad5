// What people call a model. A model that is not served any more keeps the name of its file.

import { pageState } from "./page_state";
import type { ChatModel } from "./protocol";

let models: ChatModel[] = pageState.models ?? [];

export function keepModelTitles(served: ChatModel[]): void {
  models = served;
}

export function modelTitle(name: string): string {
  return models.find((model) => model.name === name)?.title ?? name;
}
