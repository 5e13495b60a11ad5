// The entry: defines the elements and starts what the page at hand needs.

import { AnswerColumnsElement } from "./elements/answer_columns";
import { AnswerStreamElement } from "./elements/answer_stream";
import { AssistantList } from "./elements/assistant_list";
import { ChatComposer } from "./elements/chat_composer";
import { ContextGauge } from "./elements/context_gauge";
import { DocumentList } from "./elements/document_list";
import { EmployeeTable } from "./elements/employee_table";
import { ImportList } from "./elements/import_list";
import { GroupTable } from "./elements/group_table";
import { KeyList } from "./elements/key_list";
import { MarkdownText } from "./elements/markdown_text";
import { ModelPicker } from "./elements/model_picker";
import { ModelTable } from "./elements/model_table";
import { ShareList } from "./elements/share_list";
import { PromptList } from "./elements/prompt_list";
import { SharedThread } from "./elements/shared_thread";
import { ThreadList } from "./elements/thread_list";
import { socket } from "./lib/connection";
import { defineElement } from "./lib/dom";
import { ChatPage } from "./pages/chat";
import { startFrame } from "./pages/frame";

defineElement("answer-stream", AnswerStreamElement);
defineElement("answer-columns", AnswerColumnsElement);
defineElement("assistant-list", AssistantList);
defineElement("chat-composer", ChatComposer);
defineElement("context-gauge", ContextGauge);
defineElement("document-list", DocumentList);
defineElement("employee-table", EmployeeTable);
defineElement("import-list", ImportList);
defineElement("group-table", GroupTable);
defineElement("key-list", KeyList);
defineElement("markdown-text", MarkdownText);
defineElement("model-picker", ModelPicker);
defineElement("model-table", ModelTable);
defineElement("share-list", ShareList);
defineElement("prompt-list", PromptList);
defineElement("shared-thread", SharedThread);
defineElement("thread-list", ThreadList);

startFrame();
if (document.querySelector("chat-composer")) new ChatPage().start();
if (document.getElementById("sidebar")) socket.open();
