/** The report page: a header, the list of sections, and one section with its verdict, controls and figures. */
import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { classMap } from 'lit/directives/class-map.js';
import { repeat } from 'lit/directives/repeat.js';
import type { Section } from '../extension/protocol/report.ts';
import type { SectionEntry, SubjectEntry, ViewCommand, ViewState } from '../extension/protocol/webview.ts';
import { dropdown } from './parts/dropdown.ts';
import { empty, notices } from './parts/notices.ts';
import { controlRow, type ControlActions } from './report/controls.ts';
import { figureView, type FigureActions, type Part } from './report/figure.ts';

export interface ReportModel {
  readonly state: ViewState | undefined;
  readonly subjects: readonly SubjectEntry[];
  readonly current: string | undefined;
  readonly sections: readonly SectionEntry[];
  /** The chosen one. */
  readonly id: string | undefined;
  /** What is known of it; the figures may be of what was set before. */
  readonly section: Section | undefined;
  readonly waiting: boolean;
  readonly failure: string | undefined;
  readonly isOpen: (figure: string, part: Part) => boolean;
  readonly done: { readonly figure: string; readonly text: string } | undefined;
}

export interface ReportActions extends ControlActions, FigureActions {
  readonly run: (command: ViewCommand) => void;
  readonly chooseSubject: (id: string) => void;
  readonly chooseSection: (id: string) => void;
  readonly again: () => void;
  readonly export: () => void;
}

export function reportView(view: ReportModel, actions: ReportActions): TemplateResult {
  const { state, current } = view;
  const note = state ? notices(state, actions.run) : nothing;
  if (current === undefined) return html`${note}${state?.running ? nothing : empty(actions.run)}`;
  return html`${header(view, actions)} ${note}
    <div class="body">${navigation(view, actions)} ${sectionView(view, actions)}</div>`;
}

function header({ subjects, current }: ReportModel, actions: ReportActions): TemplateResult {
  const shown = subjects.find(({ id }) => id === current);
  const name = shown?.name ?? '';
  return html`<header class="top">
    <div class="subject">
      ${
        subjects.length > 1
          ? html`<h1 class="screen-reader">${l10n.t`Report on ${name}`}</h1>
              ${dropdown(
                l10n.t`Report on`,
                subjects.map((s) => ({ value: s.id, label: labelOf(s, subjects) })),
                current ?? '',
                actions.chooseSubject,
              )}`
          : html`<h1>${name}</h1>`
      }
      <p class="dim">${shown?.detail ?? ''}</p>
    </div>
    <vscode-button appearance="secondary" @click=${actions.export}>${l10n.t`Export…`}</vscode-button>
  </header>`;
}

/** A name that others have, too, with what tells them apart. */
function labelOf({ id, name, detail }: SubjectEntry, subjects: readonly SubjectEntry[]): string {
  return subjects.some((other) => other.id !== id && other.name === name) ? `${name}: ${detail}` : name;
}

/** A rail where there is room for one, else a list to choose from. */
function navigation({ sections, id }: ReportModel, { chooseSection }: ReportActions): TemplateResult {
  return html`<nav aria-label=${l10n.t`Sections`}>
    <ul>
      ${sections.map(
        (section, i) =>
          html`${
              section.group === sections[i - 1]?.group
                ? nothing
                : html`<li class="group" aria-hidden="true">${section.group}</li>`
            }
            <li>
              <button
                aria-current=${section.id === id ? 'page' : nothing}
                @click=${() => {
                  chooseSection(section.id);
                }}
              >
                ${section.title}
              </button>
            </li>`,
      )}
    </ul>
    ${dropdown(
      l10n.t`Section`,
      sections.map((s) => ({ value: s.id, label: s.title })),
      id ?? '',
      chooseSection,
    )}
  </nav>`;
}

function sectionView(view: ReportModel, actions: ReportActions): TemplateResult {
  const { id, sections, section, waiting, failure } = view;
  const title = section?.title ?? sections.find((one) => one.id === id)?.title ?? '';
  return html`<section class="section" aria-label=${title} aria-busy=${waiting}>
    <h2 tabindex="-1">${title}</h2>
    ${failure === undefined ? nothing : failed(failure, actions)}
    ${section ? content(view, section, actions) : waiting ? html`<p class="dim" role="status">${l10n.t`Computing…`}</p>` : nothing}
  </section>`;
}

function content(view: ReportModel, section: Section, actions: ReportActions): TemplateResult {
  const { verdict, lacking, controls, figures } = section;
  return html`
    ${verdict === undefined ? nothing : html`<p class="verdict">${verdict}</p>`}
    ${
      lacking === undefined
        ? nothing
        : html`<p class="lacking">
            <span class="codicon codicon-info" aria-hidden="true"></span><span>${lacking}</span>
          </p>`
    }
    ${controlRow(controls, actions)}
    <div class=${classMap({ figures: true, waiting: view.waiting })}>
      ${repeat(
        figures,
        ({ id }) => id,
        (figure) =>
          figureView(
            {
              figure,
              highlight: view.state?.highlight,
              leads: view.state?.leadsNowhere !== true,
              isOpen: (part) => view.isOpen(figure.id, part),
              done: view.done?.figure === figure.id ? view.done.text : undefined,
            },
            actions,
          ),
      )}
    </div>
  `;
}

function failed(message: string, { again }: ReportActions): TemplateResult {
  return html`<div class="notice" role="alert">
    <span class="codicon codicon-warning" aria-hidden="true"></span>
    <span class="sentence">${message}</span>
    <vscode-button appearance="secondary" @click=${again}>${l10n.t`Try Again`}</vscode-button>
  </div>`;
}
