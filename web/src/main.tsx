// Starts the app.
import { render } from 'preact';
import { App } from './app';
import './style/base.css';
import './style/frame.css';
import './style/chat.css';
import './style/markdown.css';
import './style/pages.css';

const place = document.getElementById('app');
if (place) render(<App />, place);
