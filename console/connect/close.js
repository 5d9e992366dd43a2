// Ends the window in which somebody signed in for a framed page, which goes on by itself.
import { speak, t } from './texts.js';

speak();
document.title = t('popup_close');
document.querySelector('h1').textContent = t('popup_close');
window.close();
